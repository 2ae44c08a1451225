//! A running `bartizan quickstart` in a folder of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client::{Client, Connection, RetryPolicy, Settings};

pub struct Program {
    child: Child,
    data: PathBuf,
    pub started_in: Duration,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Program {
    /// Starts the program and waits until it answers.
    pub async fn start(data: &Path, port: u16, args: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bartizan"));
        command.args(["quickstart", "--port", &port.to_string(), "--data"]).arg(data).args(args);
        Program::run(command, data, port).await
    }

    /// Starts the program on the folder of an earlier quickstart, with settings of a configuration file.
    pub async fn serve(data: &Path, port: u16, settings: &str) -> Program {
        let config = data.with_extension("toml");
        let text = format!(
            "data = {data:?}\nlisten = \"127.0.0.1:{port}\"\noperator_listen = \"127.0.0.1:0\"\n{settings}"
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_bartizan"));
        command.args(["serve", "--config"]).arg(config);
        Program::run(command, data, port).await
    }

    async fn run(mut command: Command, data: &Path, port: u16) -> Program {
        let begun = Instant::now();
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(data.with_extension("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut program = Program { child, data: data.to_owned(), started_in: Duration::ZERO };
        loop {
            if let Some(status) = program.child.try_wait().unwrap() {
                let log = std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
                panic!("the program ended with {status}:\n{log}");
            }
            let answers = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
            if answers && program.client().await.is_ok() {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "the program does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        program.started_in = begun.elapsed();
        program
    }

    /// A client that has called the API once.
    pub async fn client(&self) -> Result<Client, client::ClientError> {
        let connection = Connection::from_file(&self.data.join("quickstart.json"))?;
        let retry = RetryPolicy {
            first_delay: Duration::from_millis(20),
            delay_max: Duration::from_millis(50),
            deadline: Duration::from_millis(100),
        };
        let client = Client::connect_with(connection, Settings { retry, ..Settings::default() })?;
        let _: serde_json::Value = client.get_json("/api/machines?$top=1").await?;
        Ok(client)
    }

    /// Ends the program as a power cut does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the program to end, and waits until it has.
    pub fn stop(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
