//! Profiles as they are stored.

use model::Ticks;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{ProfileKind, ProfileRow};

use crate::address::Address;
use crate::domain::Domain;
use crate::file::File;
use crate::found::Known;
use crate::machine::MachineProfile;
use crate::merge::Merge;
use crate::rows::Span;
use crate::user::{Logon, User, user_name, user_of_logon};
use crate::{Error, Result};

/// Of the form of every state. Raised with any change of what is in one, or of what it means: states of
/// another version are not read but folded again from the events.
const VERSION: u8 = 1;

/// A kind of profile.
pub trait Profile: Merge + Default + Serialize + DeserializeOwned {
    const KIND: ProfileKind;

    /// Another name that it is looked up by.
    fn alias(&self, id: &str) -> Option<String>;
}

impl Profile for MachineProfile {
    const KIND: ProfileKind = ProfileKind::Machine;

    fn alias(&self, _: &str) -> Option<String> {
        None
    }
}

impl Profile for User {
    const KIND: ProfileKind = ProfileKind::User;

    /// The name without the domain.
    fn alias(&self, id: &str) -> Option<String> {
        Some(user_name(id).to_owned())
    }
}

impl Profile for Logon {
    const KIND: ProfileKind = ProfileKind::Logon;

    /// The user.
    fn alias(&self, id: &str) -> Option<String> {
        Some(user_of_logon(id).to_owned())
    }
}

impl Profile for File {
    const KIND: ProfileKind = ProfileKind::File;

    /// The SHA-256.
    fn alias(&self, id: &str) -> Option<String> {
        self.sha256.clone().filter(|sha256| sha256 != id)
    }
}

impl Profile for Address {
    const KIND: ProfileKind = ProfileKind::Address;

    fn alias(&self, _: &str) -> Option<String> {
        None
    }
}

impl Profile for Domain {
    const KIND: ProfileKind = ProfileKind::Domain;

    fn alias(&self, _: &str) -> Option<String> {
        None
    }
}

impl<P: Profile> Known<P> {
    pub(crate) fn to_row(&self, id: String) -> Result<ProfileRow> {
        let state = postcard::to_extend(&self.profile, vec![VERSION]);
        let state = state.map_err(|source| Error::State { kind: P::KIND.name(), id: id.clone(), source })?;
        Ok(ProfileRow {
            kind: P::KIND,
            alias: self.profile.alias(&id),
            id,
            first_seen: Ticks(self.span.first),
            last_seen: Ticks(self.span.last),
            state,
        })
    }

    pub(crate) fn of_row(row: &ProfileRow) -> Result<Known<P>> {
        let kind = P::KIND.name();
        let Some((&VERSION, state)) = row.state.split_first() else {
            return Err(Error::Version { kind, id: row.id.clone() });
        };
        let profile = postcard::from_bytes(state);
        let profile = profile.map_err(|source| Error::State { kind, id: row.id.clone(), source })?;
        Ok(Known { span: Span { first: row.first_seen.0, last: row.last_seen.0 }, profile })
    }
}
