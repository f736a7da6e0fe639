//! The system calls of a thread on its sockets, and the bytes that it copies, for the tests of a round trip.
//!
//! The functions of the C library stand behind ones of the same names here, which count and go on to the kernel, or copy by
//! one instruction. A test needs no tracer for that, which not every machine allows. Copies that the compiler makes without a
//! call are not seen: those of large contents never are such.

use std::arch::asm;
use std::cell::Cell;
use std::ffi::{c_int, c_long, c_void};

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static COPIED: Cell<usize> = const { Cell::new(0) };
}

/// What a thread has done on its sockets, and copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// The number of system calls.
    pub(crate) calls: usize,
    /// The number of bytes that were copied.
    pub(crate) copied: usize,
}

/// Runs the function; returns what this thread has done meanwhile, and the result.
pub(crate) fn work_of<T>(run: impl FnOnce() -> T) -> (Work, T) {
    let (calls, copied) = (CALLS.get(), COPIED.get());
    let result = run();
    let work = Work {
        calls: CALLS.get() - calls,
        copied: COPIED.get() - copied,
    };
    (work, result)
}

fn count(counter: &'static std::thread::LocalKey<Cell<usize>>, more: usize) {
    // At the end of a thread there is nothing left to count with.
    let _ = counter.try_with(|counter| counter.set(counter.get().wrapping_add(more)));
}

/// Copies bytes upwards.
///
/// # Safety
/// As `memcpy`, or as `memmove` where the destination is not within the source.
unsafe fn copy_up(to: *mut c_void, from: *const c_void, size: usize) {
    // SAFETY: the caller keeps the contract; the flag of the direction is clear, as everywhere in C.
    unsafe {
        asm!("rep movsb", inout("rcx") size => _, inout("rdi") to => _, inout("rsi") from => _,
            options(nostack, preserves_flags));
    }
}

// SAFETY: it does what its name says.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut c_void, from: *const c_void, size: usize) -> *mut c_void {
    count(&COPIED, size);
    // SAFETY: the caller keeps the contract, which is the same.
    unsafe { copy_up(to, from, size) };
    to
}

// SAFETY: it does what its name says.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut c_void, from: *const c_void, size: usize) -> *mut c_void {
    count(&COPIED, size);
    if to.addr().wrapping_sub(from.addr()) >= size {
        // SAFETY: no byte is written before it is read.
        unsafe { copy_up(to, from, size) };
        return to;
    }
    // SAFETY: downwards, from the last byte on, as the destination begins within the source.
    unsafe {
        let (to, from) = (
            to.cast::<u8>().add(size - 1),
            from.cast::<u8>().add(size - 1),
        );
        asm!("std", "rep movsb", "cld", inout("rcx") size => _, inout("rdi") to => _, inout("rsi") from => _,
            options(nostack));
    }
    to
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

/// A function of the C library that is a system call and nothing else, for x86-64.
macro_rules! counted {
    ($($name:ident = $number:literal ($($word:ident: $type:ty),*) $(+ $more:literal)*;)*) => {
        $(
            // SAFETY: it does what its name says.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($word: $type),*) -> c_long {
                count(&CALLS, 1);
                // SAFETY: the caller keeps the contract, which is the same.
                unsafe { syscall($number, $($word,)* $($more as c_long),*) }
            }
        )*
    };
}

counted! {
    read = 0(file: c_int, place: *mut c_void, size: usize);
    write = 1(file: c_int, place: *const c_void, size: usize);
    readv = 19(file: c_int, parts: *const c_void, count: c_int);
    writev = 20(file: c_int, parts: *const c_void, count: c_int);
    send = 44(file: c_int, place: *const c_void, size: usize, flags: c_int) + 0 + 0;
    sendto = 44(file: c_int, place: *const c_void, size: usize, flags: c_int, to: *const c_void, length: u32);
    recv = 45(file: c_int, place: *mut c_void, size: usize, flags: c_int) + 0 + 0;
    recvfrom = 45(file: c_int, place: *mut c_void, size: usize, flags: c_int, from: *mut c_void, length: *mut u32);
    sendmsg = 46(file: c_int, message: *const c_void, flags: c_int);
    recvmsg = 47(file: c_int, message: *mut c_void, flags: c_int);
    epoll_wait = 232(file: c_int, events: *mut c_void, count: c_int, time: c_int);
    epoll_ctl = 233(file: c_int, what: c_int, other: c_int, event: *mut c_void);
}

#[test]
fn copies_and_calls_are_counted() {
    let from: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let (work, copy) = work_of(|| std::hint::black_box(&from).clone());
    assert_eq!(copy, from);
    assert!((100_000..101_000).contains(&work.copied), "{work:?}");
    let mut overlapping = from.clone();
    overlapping.copy_within(0..99_000, 1_000);
    assert_eq!(overlapping[1_000..], from[..99_000]);
    overlapping.copy_within(1_000.., 0);
    assert_eq!(overlapping[..99_000], from[..99_000]);
    let (work, ()) = work_of(|| {
        use std::io::Write as _;
        std::fs::File::create("/dev/null")
            .unwrap()
            .write_all(b"x")
            .unwrap();
    });
    assert_eq!(work.calls, 1);
}
