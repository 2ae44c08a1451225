//! Finds the routes of a path word by word, so that it does not matter how many there are.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::lower_case;

/// One place in declared paths and what follows there.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By the word in lower case.
    words: HashMap<String, Index, RandomState>,
    /// By the name of the function in lower case.
    functions: Vec<(String, Index)>,
    varies: Option<Box<Index>>,
    /// The routes whose paths end here, in the order of their declaration.
    routes: Vec<usize>,
}

/// How a declared path fits the segments of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Matched<'i, 'a> {
    pub words: usize,
    /// The first segment that varies.
    pub param: Option<&'a str>,
    /// Inside the parentheses of a function.
    pub call: Option<&'a str>,
    pub routes: Cow<'i, [usize]>,
}

impl Matched<'_, '_> {
    /// The one with more words; of two with as many the one that was declared first, for the routes of both.
    fn or(self, other: Self) -> Self {
        match self.words.cmp(&other.words) {
            Ordering::Greater => self,
            Ordering::Less => other,
            Ordering::Equal => {
                let mut routes: Vec<usize> = self.routes.iter().chain(&*other.routes).copied().collect();
                routes.sort_unstable();
                let first = if self.routes < other.routes { self } else { other };
                Matched { routes: Cow::Owned(routes), ..first }
            }
        }
    }
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
    pub fn find<'i, 'a>(&'i self, segments: &'a [Cow<str>]) -> Option<Matched<'i, 'a>> {
        let mut best = None;
        self.walk(segments, &mut Matched::default(), &mut best);
        best
    }

    fn walk<'i, 'a>(
        &'i self,
        segments: &'a [Cow<str>],
        so_far: &mut Matched<'i, 'a>,
        best: &mut Option<Matched<'i, 'a>>,
    ) {
        let Some((segment, rest)) = segments.split_first() else {
            if !self.routes.is_empty() {
                let matched = Matched { routes: Cow::Borrowed(&self.routes), ..so_far.clone() };
                *best = Some(match best.take() {
                    Some(best) => best.or(matched),
                    None => matched,
                });
            }
            return;
        };
        if segment.is_empty() {
            return;
        }
        if let Some(next) = self.words.get(&*lower_case(segment)) {
            so_far.words += 1;
            next.walk(rest, so_far, best);
            so_far.words -= 1;
        }
        if !self.functions.is_empty()
            && let Some((name, call)) = segment.strip_suffix(')').and_then(|call| call.split_once('('))
            && let Some((_, next)) = self.functions.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            let before = so_far.call.replace(call);
            so_far.words += 1;
            next.walk(rest, so_far, best);
            so_far.words -= 1;
            so_far.call = before;
        }
        if let Some(next) = &self.varies {
            let before = so_far.param;
            so_far.param = before.or(Some(segment));
            next.walk(rest, so_far, best);
            so_far.param = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Routes;

    /// What one path has to do with the segments, found by going along both.
    fn along<'a>(declared: &str, segments: &'a [Cow<str>]) -> Option<Matched<'static, 'a>> {
        let mut matched = Matched::default();
        let mut given = segments.iter();
        for expected in declared.split('/').filter(|word| !word.is_empty()) {
            let segment = given.next().filter(|segment| !segment.is_empty())?;
            if expected.starts_with('{') {
                matched.param = matched.param.or(Some(segment));
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
    fn among<'a>(paths: &[&str], segments: &'a [Cow<str>]) -> Option<Matched<'static, 'a>> {
        let mut best: Option<Matched> = None;
        for (at, path) in paths.iter().enumerate() {
            let Some(matched) = along(path, segments) else { continue };
            match &mut best {
                Some(best) if best.words > matched.words => {}
                Some(best) if best.words == matched.words => best.routes.to_mut().push(at),
                _ => best = Some(Matched { routes: Cow::Owned(vec![at]), ..matched }),
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
