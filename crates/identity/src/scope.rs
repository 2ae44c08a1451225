//! What a client asks for on behalf of a user, and what of it there is.

use std::collections::BTreeSet;

use model::Permission;
use model::permission::PERMISSIONS;

use crate::config::normal_audience;
use crate::issuer::Issuer;
use crate::oauth_error::OAuthProblem;
use crate::refusal::Refusal;

/// Words of sign-in, which are of no resource.
pub(crate) static SIGN_IN_WORDS: &[&str] = &["openid", "profile", "email", "offline_access"];
const EVERYTHING: &str = ".default";

/// What a client asks for: permissions of one resource, and words of sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// As the client named it; empty where its permissions stand without one.
    pub resource: String,
    /// All that was consented to.
    pub everything: bool,
    pub permissions: BTreeSet<Permission>,
    pub words: BTreeSet<&'static str>,
}

impl Asked {
    /// Reads the `scope` of version 2. Whether the resource is one of ours is not checked here.
    pub(crate) fn parse(scope: &str) -> Result<Asked, Refusal> {
        let mut asked = Asked::default();
        let mut resource: Option<&str> = None;
        for word in scope.split_ascii_whitespace() {
            if let Some(known) = SIGN_IN_WORDS.iter().find(|known| known.eq_ignore_ascii_case(word)) {
                asked.words.insert(known);
                continue;
            }
            let (of, name) = word.rsplit_once('/').unwrap_or(("", word));
            match resource {
                Some(before) if normal_audience(before) != normal_audience(of) => {
                    return Err(Refusal::ScopesOfTwoResources);
                }
                Some(_) => {}
                None => resource = Some(of),
            }
            if name.eq_ignore_ascii_case(EVERYTHING) {
                asked.everything = true;
            } else {
                asked.permissions.insert(delegated(name).ok_or(Refusal::ScopeUnknown)?);
            }
        }
        if resource.is_none() && asked.words.is_empty() {
            return Err(Refusal::ScopeUnknown);
        }
        asked.resource = resource.unwrap_or_default().to_owned();
        Ok(asked)
    }

    /// What version 1 asks for: all of a resource, with a sign-in.
    pub(crate) fn all_of(resource: &str) -> Asked {
        Asked {
            resource: resource.to_owned(),
            everything: true,
            permissions: BTreeSet::new(),
            words: SIGN_IN_WORDS.iter().copied().collect(),
        }
    }

    /// From what [`Asked::stored`] wrote.
    pub(crate) fn from_stored(resource: &str, scope: &str) -> Asked {
        let parsed = Asked::parse(scope).unwrap_or_default();
        Asked { resource: resource.to_owned(), ..parsed }
    }

    /// The form in which it is kept, without the resource.
    pub(crate) fn stored(&self) -> String {
        let everything = self.everything.then_some(EVERYTHING);
        let names = self.permissions.iter().filter_map(|permission| permission.declaration().delegated);
        self.words.iter().copied().chain(everything).chain(names).collect::<Vec<_>>().join(" ")
    }

    /// Whether it names anything of a resource.
    pub(crate) fn names_resource(&self) -> bool {
        self.everything || !self.permissions.is_empty()
    }

    /// What of it is granted.
    pub(crate) fn granted(&self, granted: &BTreeSet<Permission>) -> BTreeSet<Permission> {
        if self.everything {
            granted.clone()
        } else {
            self.permissions.intersection(granted).copied().collect()
        }
    }

    /// The `scope` of an answer of version 2: names with their resource, as the client wrote it.
    pub(crate) fn answered(&self, granted: &BTreeSet<Permission>) -> String {
        let prefix = if self.resource.is_empty() { String::new() } else { format!("{}/", self.resource) };
        let names = granted.iter().filter_map(|permission| permission.declaration().delegated);
        let everything = self.everything.then_some(EVERYTHING);
        let names = names.chain(everything).map(|name| format!("{prefix}{name}"));
        names.chain(self.words.iter().map(|word| (*word).to_owned())).collect::<Vec<_>>().join(" ")
    }
}

impl Issuer {
    /// The audience of a token for what is asked: the resource, which has to be one of ours.
    pub(crate) fn audience(&self, asked: &Asked, tenant: &str) -> Result<String, OAuthProblem> {
        if asked.resource.is_empty() {
            return Ok(self.config.issuer_base.clone());
        }
        if self.audiences.contains(&normal_audience(&asked.resource)) {
            return Ok(asked.resource.clone());
        }
        Err(OAuthProblem::UnknownResource { resource: asked.resource.clone(), tenant: tenant.to_owned() })
    }
}

/// Finds a permission by its delegated name, without regard to letter case.
pub(crate) fn delegated(name: &str) -> Option<Permission> {
    let found = PERMISSIONS
        .iter()
        .find(|declared| declared.delegated.is_some_and(|delegated| delegated.eq_ignore_ascii_case(name)));
    found.map(|declared| declared.permission)
}

/// The delegated names that are permissions of this product, each once.
pub(crate) fn known(names: &[String]) -> BTreeSet<Permission> {
    names.iter().filter_map(|name| delegated(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scope: &str, expected: Result<(&str, &str), Refusal>) {
        let asked = Asked::parse(scope);
        let seen = asked.as_ref().map(|asked| (asked.resource.clone(), asked.stored()));
        let expected = expected.map(|(resource, stored)| (resource.to_owned(), stored.to_owned()));
        assert_eq!(seen.map_err(|refusal| *refusal), expected, "{scope}");
        if let Ok(asked) = asked {
            assert_eq!(Asked::from_stored(&asked.resource, &asked.stored()), asked, "{scope}");
        }
    }

    #[test]
    fn a_scope_names_permissions_of_one_resource_and_words_of_sign_in() {
        check("https://a/.default openid", Ok(("https://a", "openid .default")));
        check("https://a//.default", Ok(("https://a/", ".default")));
        check("https://a/Alert.Read HTTPS://A/machine.read", Ok(("https://a", "Alert.Read Machine.Read")));
        check("Alert.Read profile", Ok(("", "profile Alert.Read")));
        check("openid Offline_Access", Ok(("", "offline_access openid")));
        check("https://a/.default https://b/.default", Err(Refusal::ScopesOfTwoResources));
        check("https://a/.default Alert.Read", Err(Refusal::ScopesOfTwoResources));
        check("https://a/Nothing.Real", Err(Refusal::ScopeUnknown));
        check("Event.Write", Err(Refusal::ScopeUnknown));
        check(" ", Err(Refusal::ScopeUnknown));
    }

    #[test]
    fn an_answer_names_what_is_granted_of_what_was_asked() {
        let granted = BTreeSet::from([Permission::AlertRead, Permission::MachineRead]);
        let answered = |scope: &str| {
            let asked = Asked::parse(scope).unwrap();
            asked.answered(&asked.granted(&granted))
        };
        assert_eq!(
            answered("https://a/.default openid"),
            "https://a/Alert.Read https://a/Machine.Read https://a/.default openid"
        );
        assert_eq!(answered("Machine.Read Lake.Read"), "Machine.Read");
    }
}
