//! A server with one device, and its side of the channel.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actions::{ActionError, Actions, Journal, KeyRing, Limits, Request};
use model::machine::Machine;
use model::machine_action::ActionStatus;
use model::{ActionId, Clock, DeviceId, TenantId, Ticks};
use sensor_proto::{
    Command, CommandKeys, Enrol, IsolationMode, Order, Outcome, Poll, PollAnswer, PrivateKey, PublicKey,
    Purpose, Receipt, Receipts, Signed, VERSION,
};
use store::{DeviceKey, Store};
use uuid::Uuid;

pub(crate) const ONE: TenantId = TenantId(Uuid::from_u128(1));
pub(crate) const TWO: TenantId = TenantId(Uuid::from_u128(2));
pub(crate) const PC: &str = "pc1.example";

pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, seconds: i64) {
        self.0.store(self.now().plus_seconds(seconds).0, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Ticks {
        Ticks(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct World {
    pub actions: Actions,
    pub store: Store,
    pub clock: Arc<TestClock>,
    pub machine: Machine,
}

/// The device's side.
pub(crate) struct Device {
    pub key: PrivateKey,
    pub of: DeviceKey,
    pub journal: Journal,
    pub command_keys: Mutex<CommandKeys>,
}

pub(crate) async fn open(folder: &Path, clock: Arc<TestClock>) -> World {
    let store = Store::open(&folder.join("state.db")).await.unwrap();
    let keys = KeyRing::open(folder.join("channel.key")).unwrap();
    let limits = Limits {
        poll_wait: Duration::from_millis(200),
        package_bytes: 1_000,
        package_bytes_tenant: 4_000,
        library_file_bytes: 100,
        ..Limits::default()
    };
    let actions = Actions::new(store.clone(), clock.clone(), keys, folder.join("actions"), limits);
    let machine = Machine {
        computer_dns_name: Some(PC.to_owned()),
        os_platform: "Windows11".to_owned(),
        ..Machine::new(DeviceId::from_name(ONE, PC), clock.now())
    };
    store.tenant(ONE).commit_machines("test", 1, std::slice::from_ref(&machine)).await.unwrap();
    World { actions, store, clock, machine }
}

pub(crate) async fn world(folder: &Path) -> (World, Device) {
    let clock = Arc::new(TestClock(AtomicI64::new(Ticks::parse("2026-03-03T07:00:00Z").unwrap().0)));
    let world = open(folder, clock).await;
    let token = world.actions.tenant(ONE).make_tokens(1, 60, None, "admin").await.unwrap().remove(0);
    let (key, _) = PrivateKey::generate().unwrap();
    let device = world.enrol(&token, key).await.unwrap();
    (world, device)
}

pub(crate) fn request(order: Order) -> Request {
    Request {
        order,
        comment: "because".to_owned(),
        title: None,
        requestor: "analyst".to_owned(),
        actor: "app 1".to_owned(),
        source: "PublicApi".to_owned(),
        external_id: None,
        idempotency_key: None,
        deadline_seconds: None,
    }
}

pub(crate) fn isolate() -> Order {
    Order::Isolate { mode: IsolationMode::Full }
}

impl World {
    pub async fn enrol(&self, token: &str, key: PrivateKey) -> Result<Device, ActionError> {
        let enrol = Enrol {
            version: VERSION,
            token: token.to_owned(),
            device_name: PC.to_owned(),
            device_id: None,
            public_key: key.public().to_string(),
            agent: "test".to_owned(),
        };
        let body = serde_json::to_vec(&Signed::seal(&enrol, Purpose::Enrol, &key)).unwrap();
        let enrolled = self.actions.enrol(&body).await?;
        assert_eq!((enrolled.tenant_id, &enrolled.device_id), (ONE, &self.machine.id));
        let of = self.store.tenant(ONE).device_key(&enrolled.device_id).await.unwrap().unwrap();
        let command_keys = Mutex::new(CommandKeys::new(&PublicKey::parse(&enrolled.command_key)?));
        Ok(Device { key, of, journal: Journal::new(), command_keys })
    }

    pub async fn submit(&self, order: Order) -> Result<ActionId, ActionError> {
        Ok(self.actions.tenant(ONE).submit(&self.machine, &request(order)).await?.0.id)
    }

    pub async fn status(&self, id: ActionId) -> ActionStatus {
        self.store.tenant(ONE).action(id).await.unwrap().unwrap().status
    }
}

impl Device {
    /// The commands that there are, once the device knows the key that signs them.
    pub async fn poll(&self, world: &World) -> Vec<Command> {
        loop {
            let answer = self.ask(world).await;
            if answer.keys.is_empty() {
                let keys = self.command_keys.lock().unwrap();
                let open = |signed: &Signed| keys.open(signed, Purpose::Command, world.clock.now());
                return answer.commands.iter().map(|signed| open(signed).unwrap()).collect();
            }
            assert!(answer.commands.is_empty());
            for signed in &answer.keys {
                assert!(self.command_keys.lock().unwrap().follow(signed).unwrap());
            }
        }
    }

    pub async fn ask(&self, world: &World) -> PollAnswer {
        let poll = Poll {
            version: VERSION,
            agent: "test".to_owned(),
            state: self.journal.state(),
            running: Vec::new(),
            wait_seconds: 1,
            command_key: Some(self.command_keys.lock().unwrap().name().unwrap()),
        };
        world.actions.tenant(ONE).poll(&self.of, &poll).await.unwrap()
    }

    pub async fn work(&mut self, world: &World) -> usize {
        let commands = self.poll(world).await;
        for command in &commands {
            let answer = self.journal.finish(command, Outcome::succeeded("done"), world.clock.now());
            self.say(world, command, answer.outcome).await.unwrap();
        }
        commands.len()
    }

    pub async fn say(&self, world: &World, command: &Command, outcome: Outcome) -> Result<(), ActionError> {
        let receipt = Receipt {
            version: VERSION,
            id: command.id,
            tenant_id: command.tenant_id,
            device_id: command.device_id.clone(),
            sequence: command.sequence,
            at: world.clock.now(),
            outcome,
            is_simulated: false,
        };
        let receipts = vec![Signed::seal(&receipt, Purpose::Receipt, &self.key)];
        world.actions.tenant(ONE).receive(&self.of, &Receipts { version: VERSION, receipts }).await
    }
}
