//! The examples that stand beside each function are true.

use crate::harness::shown;

#[test]
fn every_example_of_every_function_gives_its_result() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for function in query::functions() {
        assert!(!function.examples.is_empty(), "{} has no example", function.name);
        for example in function.examples {
            count += 1;
            let shown = shown(example.query);
            let result = shown.split_once('\n').map_or(shown.as_str(), |(_, row)| row);
            if result != example.result {
                wrong.push(format!("{}\n  expected {}\n  but was  {result}", example.query, example.result));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} examples are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn functions_are_sorted_and_unique() {
    let names: Vec<&str> = query::functions().iter().map(|function| function.name).collect();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
}

#[test]
fn the_page_of_functions_is_up_to_date() {
    expect_test::expect_file!["../../../../docs/kql-functions.md"].assert_eq(&query::reference());
}
