//! Finds the routes of a path word by word, so that it does not matter how many there are.

use std::borrow::Cow;
use std::collections::HashMap;

use super::lower_case;

/// One place in declared paths and what follows there.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By the word in lower case.
    words: HashMap<String, Index>,
    /// By the name of the function in lower case.
    functions: Vec<(String, Index)>,
    varies: Option<Box<Index>>,
    /// The routes whose paths end here, in the order of their declaration.
    routes: Vec<usize>,
}

/// How a declared path fits the segments of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Matched<'a> {
    pub words: usize,
    pub params: Vec<&'a str>,
    /// Inside the parentheses of a function.
    pub call: Option<&'a str>,
    pub routes: Vec<usize>,
}

impl Index {
    pub fn add(&mut self, path: &str, at: usize) {
        let mut place = self;
        for word in path.split('/').filter(|word| !word.is_empty()) {
            place = place.next(word);
        }
        place.routes.push(at);
    }

    fn next(&mut self, word: &str) -> &mut Index {
        if word.starts_with('{') {
            return self.varies.get_or_insert_default();
        }
        let Some(function) = word.strip_suffix("()") else {
            return self.words.entry(word.to_ascii_lowercase()).or_default();
        };
        let function = function.to_ascii_lowercase();
        let at = self.functions.iter().position(|(known, _)| *known == function);
        let at = at.unwrap_or_else(|| {
            self.functions.push((function, Index::default()));
            self.functions.len() - 1
        });
        &mut self.functions[at].1
    }

    /// The routes of the declared paths that fit, without regard to the letter case of words: of those with the most
    /// words, where several paths have as many of each, and what varies by the path that was declared first.
    pub fn find<'a>(&self, segments: &'a [Cow<str>]) -> Option<Matched<'a>> {
        let mut fitting = Vec::new();
        self.walk(segments, &mut Matched::default(), &mut fitting);
        let words = fitting.iter().map(|matched| matched.words).max()?;
        let fitting = fitting.into_iter().filter(|matched| matched.words == words);
        fitting.reduce(|one, other| {
            let mut first = if one.routes < other.routes { one.clone() } else { other.clone() };
            first.routes = one.routes.into_iter().chain(other.routes).collect();
            first.routes.sort_unstable();
            first
        })
    }

    fn walk<'a>(&self, segments: &'a [Cow<str>], so_far: &mut Matched<'a>, fitting: &mut Vec<Matched<'a>>) {
        let Some((segment, rest)) = segments.split_first() else {
            if !self.routes.is_empty() {
                fitting.push(Matched { routes: self.routes.clone(), ..so_far.clone() });
            }
            return;
        };
        if segment.is_empty() {
            return;
        }
        if let Some(next) = self.words.get(&*lower_case(segment)) {
            so_far.words += 1;
            next.walk(rest, so_far, fitting);
            so_far.words -= 1;
        }
        if !self.functions.is_empty()
            && let Some((name, call)) = segment.strip_suffix(')').and_then(|call| call.split_once('('))
            && let Some((_, next)) = self.functions.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            let before = so_far.call.replace(call);
            so_far.words += 1;
            next.walk(rest, so_far, fitting);
            so_far.words -= 1;
            so_far.call = before;
        }
        if let Some(next) = &self.varies {
            so_far.params.push(segment);
            next.walk(rest, so_far, fitting);
            so_far.params.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Routes;

    /// What one path has to do with the segments, found by going along both.
    fn along<'a>(declared: &str, segments: &'a [Cow<str>]) -> Option<Matched<'a>> {
        let mut matched = Matched::default();
        let mut given = segments.iter();
        for expected in declared.split('/').filter(|word| !word.is_empty()) {
            let segment = given.next().filter(|segment| !segment.is_empty())?;
            if expected.starts_with('{') {
                matched.params.push(segment);
                continue;
            }
            match expected.strip_suffix("()") {
                None if expected.eq_ignore_ascii_case(segment) => {}
                None => return None,
                Some(function) => {
                    let (name, call) = segment.strip_suffix(')')?.split_once('(')?;
                    if !name.eq_ignore_ascii_case(function) {
                        return None;
                    }
                    matched.call = Some(call);
                }
            }
            matched.words += 1;
        }
        given.next().is_none().then_some(matched)
    }

    /// The same as [`Index::find`], by looking at every path.
    fn among<'a>(paths: &[&str], segments: &'a [Cow<str>]) -> Option<Matched<'a>> {
        let mut best: Option<Matched> = None;
        for (at, path) in paths.iter().enumerate() {
            let Some(matched) = along(path, segments) else { continue };
            match &mut best {
                Some(best) if best.words > matched.words => {}
                Some(best) if best.words == matched.words => best.routes.push(at),
                _ => best = Some(Matched { routes: vec![at], ..matched }),
            }
        }
        best
    }

    #[track_caller]
    fn check(paths: &[&str], given: &str) {
        let mut index = Index::default();
        for (at, path) in paths.iter().enumerate() {
            index.add(path, at);
        }
        let segments: Vec<Cow<str>> = given.split('/').skip(1).map(Cow::from).collect();
        assert_eq!(index.find(&segments), among(paths, &segments), "{given}");
    }

    #[test]
    fn it_finds_what_looking_at_every_path_finds() {
        let routes = Routes::all();
        let paths: Vec<&str> = routes.declared().iter().map(|route| route.path).collect();
        let mut given = BTreeSet::new();
        for path in &paths {
            let segments: Vec<&str> = path.split('/').skip(1).collect();
            for at in 0..=segments.len() {
                // Another segment in each place, one less, one more, and other words where it varies.
                for other in ["x", "", "alerts", "FindByIp(ip='1')", "$count"] {
                    let mut changed = segments.clone();
                    if at < changed.len() {
                        changed[at] = other
                    } else {
                        changed.push(other)
                    }
                    given.insert(format!("/{}", changed.join("/")));
                }
                given.insert(format!("/{}", segments[..at].join("/").to_uppercase()));
            }
        }
        let mut index = Index::default();
        for (at, path) in paths.iter().enumerate() {
            index.add(path, at);
        }
        assert!(given.len() > 1_000);
        for path in given {
            let segments: Vec<Cow<str>> = path.split('/').skip(1).map(Cow::from).collect();
            assert_eq!(index.find(&segments), among(&paths, &segments), "{path}");
        }
    }

    #[test]
    fn paths_with_as_many_words_are_told_apart_by_their_order() {
        let paths =
            ["/{a}/x/{b}", "/y/{c}/z", "/y/{c}/{d}", "/{e}/x/z", "/y/f()/{g}", "/{h}/F()/z", "/{a}/x/{i}"];
        for given in
            ["/y/x/z", "/q/x/z", "/y/q/z", "/Y/X/Q", "/y/f(1)/z", "/q/f()/z", "/y/F(2)/q", "/y", "/y/x/", "/"]
        {
            check(&paths, given);
        }
    }
}
