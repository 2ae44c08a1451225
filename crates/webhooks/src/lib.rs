//! Changes sent to addresses that a tenant names, as Standard Webhooks messages.
//!
//! Each webhook has a place in the change feed that is stored: messages are sent one after the other, in the order of
//! the feed, each at least once and under an id that stays the same. One that is not taken is tried again, later and
//! later; one that is given up is kept until somebody has it sent again.
//!
//! What goes out, and what seals secrets, is handed in: [`Post`] and [`Keeper`].

mod deliver;
mod error;
mod message;
mod outside;
mod service;
mod sign;
mod subscription;

pub use error::WebhookError;
pub use message::Format;
pub use outside::{Creator, Keeper, Post, Posted};
pub use service::{Limits, NewWebhook, TenantWebhooks, Webhook, WebhookChange, Webhooks};
pub use sign::{SECRET_PREFIX, sign};
pub use subscription::{KINDS, Subscription};
