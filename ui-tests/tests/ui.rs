//! Each file under `pass/` compiles and runs; each under `fail/` makes one mistake, and the file
//! beside it holds what the compiler says about it. After a change of a message:
//! `TRYBUILD=overwrite cargo test -p ui-tests`, and read the diff.

#[test]
fn what_is_right_compiles_and_what_is_wrong_is_told_where_it_is() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    cases.compile_fail("fail/*/*.rs");
}
