//! "Did you mean …?": the known name that is nearest to a misspelled one.
//!
//! A name is suggested if at most a third of its letters are wrong. More than that is another word, and a suggestion
//! would send the user the wrong way. Letters that changed places count as one mistake.

/// Returns the name that was probably meant, if one is near enough.
pub(crate) fn nearest<N: AsRef<str>>(given: &str, names: impl Iterator<Item = N>) -> Option<N> {
    let (distance, name) = names
        .map(|name| (strsim::damerau_levenshtein(given, name.as_ref()), name))
        .min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= name.as_ref().len().max(3)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_name_is_suggested_for_up_to_a_third_of_wrong_letters() {
        let names = ["name", "request", "response", "from", "vis"];
        for (given, expected) in [
            ("from", Some("from")),
            ("form", Some("from")),
            ("frm", Some("from")),
            ("frome", Some("from")),
            ("reqeusts", Some("request")),
            ("rseponse", Some("response")),
            ("nane", Some("name")),
            ("vsi", Some("vis")),
            ("v", None),
            ("ofmr", None),
            ("", None),
            ("timeout", None),
        ] {
            assert_eq!(nearest(given, names.iter().copied()), expected, "{given}");
        }
        assert_eq!(nearest("name", std::iter::empty::<&str>()), None);
    }

    #[test]
    fn the_first_of_names_that_are_equally_near_is_suggested() {
        assert_eq!(
            nearest("cachd", ["cache", "cached"].into_iter()),
            Some("cache")
        );
    }
}
