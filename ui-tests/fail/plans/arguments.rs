// Mistakes in what `test_plans!` is told.

mod nothing_is_said {
    soa::test_plans!();
}

mod no_file_matches {
    soa::test_plans!("tests/none/*.pysoa", service = super::service());
}

mod an_argument_is_mistyped {
    soa::test_plans!("tests/plans/*.pysoa", servise = super::service());
}

mod an_argument_is_given_twice {
    soa::test_plans!(
        "tests/plans/*.pysoa",
        service = super::service(),
        constants = { "a": 1 },
        constants = { "b": 2 },
    );
}

mod a_comma_is_missing {
    soa::test_plans!("tests/plans/*.pysoa" service = super::service());
}

mod constants_are_a_map {
    soa::test_plans!("tests/plans/*.pysoa", service = super::service(), constants = 5);
}

fn main() {}
