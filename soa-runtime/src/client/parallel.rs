//! Many calls at once.

use futures_util::future::join_all;

use crate::error::ClientError;

/// Calls that can be made at once: a vector or an array of one kind of call, or a tuple of up to eight
/// different ones. See [`Client::parallel`](super::Client::parallel).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be called in parallel",
    label = "not calls",
    note = "give a vector or an array of calls of one type, or a tuple of two to eight calls"
)]
pub trait Parallel {
    /// The results, in the order of the calls.
    type Output: Send + 'static;

    /// Sends all, waits for all.
    #[doc(hidden)]
    fn run(self) -> impl Future<Output = Result<Self::Output, ClientError>> + Send + 'static;
}

impl<C, R> Parallel for Vec<C>
where
    C: IntoFuture<Output = Result<R, ClientError>>,
    C::IntoFuture: Send + 'static,
    R: Send + 'static,
{
    type Output = Vec<R>;

    fn run(self) -> impl Future<Output = Result<Vec<R>, ClientError>> + Send + 'static {
        let calls = join_all(self.into_iter().map(IntoFuture::into_future));
        async move { calls.await.into_iter().collect() }
    }
}

impl<C, R, const N: usize> Parallel for [C; N]
where
    C: IntoFuture<Output = Result<R, ClientError>>,
    C::IntoFuture: Send + 'static,
    R: Send + 'static,
{
    type Output = Vec<R>;

    fn run(self) -> impl Future<Output = Result<Vec<R>, ClientError>> + Send + 'static {
        Vec::from(self).run()
    }
}

macro_rules! tuple_of_calls {
    ($($C:ident $R:ident $call:ident),+) => {
        impl<$($C, $R),+> Parallel for ($($C,)+)
        where
            $($C: IntoFuture<Output = Result<$R, ClientError>>,
            $C::IntoFuture: Send + 'static,
            $R: Send + 'static,)+
        {
            type Output = ($($R,)+);

            fn run(self) -> impl Future<Output = Result<Self::Output, ClientError>> + Send + 'static {
                let ($($call,)+) = self;
                $(let $call = $call.into_future();)+
                async move {
                    let ($($call,)+) = tokio::join!($($call),+);
                    Ok(($($call?,)+))
                }
            }
        }
    };
}

tuple_of_calls!(A Ra a, B Rb b);
tuple_of_calls!(A Ra a, B Rb b, C Rc c);
tuple_of_calls!(A Ra a, B Rb b, C Rc c, D Rd d);
tuple_of_calls!(A Ra a, B Rb b, C Rc c, D Rd d, E Re e);
tuple_of_calls!(A Ra a, B Rb b, C Rc c, D Rd d, E Re e, F Rf f);
tuple_of_calls!(A Ra a, B Rb b, C Rc c, D Rd d, E Re e, F Rf f, G Rg g);
tuple_of_calls!(A Ra a, B Rb b, C Rc c, D Rd d, E Re e, F Rf f, G Rg g, H Rh h);
