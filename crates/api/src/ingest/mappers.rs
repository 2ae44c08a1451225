//! One mapper of other products' events for each tenant: it remembers processes between requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use adapters::Mapper;
use model::TenantId;

use super::lock;

/// What a mapper remembers is bounded; so is how many there are. The one unused for longest forgets.
const TENANTS_MAX: usize = 64;

pub(crate) type SharedMapper = Arc<Mutex<Mapper>>;

#[derive(Default)]
pub(crate) struct Mappers(Mutex<Known>);

#[derive(Default)]
struct Known {
    uses: u64,
    mappers: HashMap<TenantId, (u64, SharedMapper)>,
}

impl Mappers {
    pub fn of(&self, tenant: TenantId) -> SharedMapper {
        let mut known = lock(&self.0);
        known.uses += 1;
        let uses = known.uses;
        if known.mappers.len() >= TENANTS_MAX && !known.mappers.contains_key(&tenant) {
            let oldest = known.mappers.iter().min_by_key(|(_, (used, _))| *used).map(|(tenant, _)| *tenant);
            oldest.and_then(|oldest| known.mappers.remove(&oldest));
        }
        let (used, mapper) = known.mappers.entry(tenant).or_default();
        *used = uses;
        mapper.clone()
    }
}
