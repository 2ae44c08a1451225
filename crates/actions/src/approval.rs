//! The second person's word about an investigation. That about actions is with the life of actions.

use model::investigation::Investigation;
use tracing::info;

use crate::ActionError;
use crate::queue::Refusal;
use crate::service::{TenantActions, cut, read_queue};

impl TenantActions {
    /// Lets an investigation go that waits for a second person, or ends it.
    pub async fn approve_investigation(
        &self,
        id: &str,
        actor: &str,
        by: &str,
        comment: &str,
        is_approved: bool,
    ) -> Result<Investigation, ActionError> {
        let missing = || ActionError::NotFound { what: "Investigation", id: id.to_owned() };
        let known = self.store.investigation(id).await?.ok_or_else(missing)?;
        let (order, asked) = self.store.investigation_order(&known.id).await?.ok_or_else(missing)?;
        if asked == actor {
            return Err(ActionError::SamePerson);
        }
        let (device, now) = (known.machine_id.clone(), self.now());
        let mut work = self.store.begin_actions(&device).await?;
        let mut queue = read_queue(&device, work.queue().await?)?;
        let mut changes = queue.expire(now);
        let held = queue.open().iter().find(|entry| entry.id == order).map(|entry| entry.is_held);
        let decided = match (held, is_approved) {
            (None, _) => Err(Refusal::NotOpen),
            (Some(false), _) => Err(Refusal::NotHeld),
            (Some(true), true) => queue.approve(order),
            (Some(true), false) => queue.cancel(order),
        };
        match decided {
            Ok(more) => changes.extend(more),
            Err(Refusal::NotOpen | Refusal::NotHeld) => return Err(ActionError::NotHeld),
            Err(_) => return Err(ActionError::Full),
        }
        self.write(&mut work, &queue, &changes, now).await?;
        let mut investigation = work.investigation(order).await?.ok_or_else(missing)?;
        if is_approved {
            investigation.status_details = Some(cut(&format!("Approved by {by}. {comment}")));
        } else {
            investigation.cancelled_by = Some(by.to_owned());
            investigation.status_details = Some(cut(comment));
        }
        work.replace_investigation(&investigation, now).await?;
        work.commit().await?;
        info!(tenant = %self.id(), %device, investigation = investigation.id, by, is_approved, "decided about an investigation");
        self.inner.waiters.wake(self.id(), &device);
        Ok(investigation)
    }
}
