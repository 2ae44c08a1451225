//! What a simulated device does for each order.

use std::io::Write;

use bytes::Bytes;
use client::ClientError;
use flate2::Compression;
use flate2::write::GzEncoder;
use sensor_proto::{Command, CommandResult, Isolation, LiveCommand, Order, Outcome, Restriction, ScanMode};
use serde_json::json;

use super::Agent;
use super::script::{self, Script};
use crate::run::lock;

/// Windows' number for a file that is not there.
const NOT_FOUND: i64 = 0x8007_0002;
const FAILED: i64 = 0x8000_4005;
/// The folder for files of live responses.
const DOWNLOADS: [&str; 2] = [r"C:\ProgramData\Bartizan\Downloads\", "/var/lib/bartizan/downloads/"];

impl Agent {
    pub(super) async fn execute(&self, command: &Command) -> Outcome {
        let device = self.identity.device.as_str();
        let fleet = &self.shared.fleet;
        let scan = self.shared.settings.scan;
        match &command.order {
            Order::Isolate { mode } => {
                let mode = Isolation::from(*mode);
                lock(fleet).isolate(device, mode);
                Outcome::succeeded(format!("The simulated device is isolated ({mode:?})."))
            }
            Order::Release => {
                lock(fleet).isolate(device, Isolation::None);
                Outcome::succeeded("The simulated device is released.")
            }
            Order::Restrict => {
                lock(fleet).restrict(device, Restriction::On);
                Outcome::succeeded("The simulated device runs trusted programs only.")
            }
            Order::Unrestrict => {
                lock(fleet).restrict(device, Restriction::Off);
                Outcome::succeeded("The simulated device runs every program.")
            }
            Order::StopAndQuarantine { sha1 } => match lock(fleet).quarantine(device, sha1).as_slice() {
                [] => Outcome::Failed {
                    error: NOT_FOUND,
                    message: format!("The simulated device has no file with the SHA-1 {sha1}."),
                },
                paths => Outcome::succeeded(format!("Put away: {}.", paths.join(", "))),
            },
            Order::Offboard => {
                lock(fleet).leave(device);
                Outcome::succeeded("The simulated device says nothing any more.")
            }
            Order::Scan { mode } => {
                tokio::time::sleep(if *mode == ScanMode::Full { scan * 3 } else { scan }).await;
                let findings = lock(fleet).scan(device, *mode);
                let detail = format!("The simulated device was scanned ({mode:?}).");
                Outcome::Succeeded { detail, package: None, findings }
            }
            Order::Investigate => {
                tokio::time::sleep(scan).await;
                let mut fleet = lock(fleet);
                let mut findings = fleet.scan(device, ScanMode::Full);
                for finding in &mut findings {
                    let sha1 = finding.sha1.clone();
                    // A file that lies in several places is put away with the first of them.
                    finding.is_removed = true;
                    fleet.quarantine(device, &sha1);
                }
                let detail = "The simulated device was looked into.".to_owned();
                Outcome::Succeeded { detail, package: None, findings }
            }
            Order::CollectPackage { bytes_max } => {
                tokio::time::sleep(scan * 2 / 3).await;
                self.collect(command, *bytes_max).await
            }
            Order::LiveResponse { commands, result_bytes_max } => {
                self.live_response(command, commands, *result_bytes_max).await
            }
        }
    }

    async fn collect(&self, command: &Command, bytes_max: u64) -> Outcome {
        let device = self.identity.device.as_str();
        let archive = lock(&self.shared.fleet).package(device, bytes_max);
        let archive = match archive {
            Ok(archive) => Bytes::from(archive),
            Err(message) => return Outcome::Failed { error: FAILED, message },
        };
        let name = format!("package-{}.zip", command.id);
        match self.upload(command.id, None, &name, archive).await {
            Ok(package) => {
                lock(&self.shared.fleet).tell(
                    device,
                    "CollectInvestigationPackage",
                    json!({ "SHA256": package.sha256, "Bytes": package.bytes }),
                );
                let detail = "The events of the simulated device were collected.".to_owned();
                Outcome::Succeeded { detail, package: Some(package), findings: Vec::new() }
            }
            Err(error) => refused(&error),
        }
    }

    /// One command after the other; the first that fails ends it.
    async fn live_response(&self, command: &Command, commands: &[LiveCommand], bytes_max: u64) -> Outcome {
        for (index, of) in commands.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let started = self.shared.clock.now();
            let (result, errors) = match self.live_command(command, index, of, bytes_max).await {
                Ok(result) => result,
                Err(message) => (None, vec![message.chars().take(1_000).collect()]),
            };
            let ended = self.shared.clock.now();
            let has_failed = !errors.is_empty();
            let result = CommandResult { index, started, ended, has_failed, errors: errors.clone(), result };
            let receipt = self.receipt(command.id, command.sequence, Outcome::Progress { result });
            if let Err(error) = self.send_receipt(&receipt).await {
                return refused(&error);
            }
            if has_failed {
                return Outcome::Failed { error: FAILED, message: errors.join("; ") };
            }
        }
        Outcome::succeeded("The simulated device carried out every command.")
    }

    /// What one command came to: what was uploaded, and errors. A script that ran and failed has both.
    async fn live_command(
        &self,
        command: &Command,
        index: u32,
        of: &LiveCommand,
        bytes_max: u64,
    ) -> Result<(Option<sensor_proto::Upload>, Vec<String>), String> {
        let device = self.identity.device.as_str();
        match of {
            LiveCommand::PutFile { file_name, sha256, .. } => {
                let content = self.library_file(sha256).await.map_err(not_got)?;
                let mut fleet = lock(&self.shared.fleet);
                let is_windows = fleet.is_windows(device);
                let path = format!("{}{file_name}", DOWNLOADS[usize::from(!is_windows)]);
                fleet.store_file(device, path.clone(), content.to_vec());
                fleet.tell(device, "LiveResponsePutFile", json!({ "Path": path, "SHA256": sha256 }));
                Ok((None, Vec::new()))
            }
            LiveCommand::GetFile { path } => {
                let content = {
                    let mut fleet = lock(&self.shared.fleet);
                    fleet.tell(device, "LiveResponseGetFile", json!({ "Path": path }));
                    fleet.read_file(device, path)
                };
                let content = content.ok_or_else(|| format!("The simulated device has no file {path}."))?;
                let name = format!("{}.gz", crate::process::file_name(path));
                let upload = self.send_result(command, index, &name, &content, bytes_max).await?;
                Ok((Some(upload), Vec::new()))
            }
            LiveCommand::RunScript { script_name, arguments, sha256, .. } => {
                let content = self.library_file(sha256).await.map_err(not_got)?;
                let text = String::from_utf8_lossy(&content).into_owned();
                let ran = {
                    let mut fleet = lock(&self.shared.fleet);
                    let fields =
                        json!({ "ScriptName": script_name, "Arguments": arguments, "SHA256": sha256 });
                    fleet.tell(device, "LiveResponseRunScript", fields);
                    match fleet.host(device) {
                        Some(host) => Script::new(&text, arguments).run(host),
                        None => return Err("The device is not part of the fleet.".to_owned()),
                    }
                };
                tokio::time::sleep(ran.pause).await;
                let result = json!({
                    "script_name": script_name,
                    "exit_code": ran.exit_code,
                    "script_output": ran.output,
                    "script_errors": ran.errors,
                });
                let name = format!("{script_name}.json.gz");
                let result = serde_json::to_vec(&result).unwrap_or_default();
                let upload = self.send_result(command, index, &name, &result, bytes_max).await?;
                let errors = if ran.exit_code == 0 { Vec::new() } else { vec![script::told(&ran)] };
                Ok((Some(upload), errors))
            }
        }
    }

    async fn send_result(
        &self,
        command: &Command,
        index: u32,
        name: &str,
        content: &[u8],
        bytes_max: u64,
    ) -> Result<sensor_proto::Upload, String> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let packed = encoder.write_all(content).and_then(|()| encoder.finish());
        let packed = Bytes::from(packed.map_err(|error| format!("The result cannot be packed: {error}."))?);
        if packed.len() as u64 > bytes_max {
            return Err(format!("The result has more than {bytes_max} bytes."));
        }
        let uploaded = self.upload(command.id, Some(index), name, packed).await;
        uploaded.map_err(|error| format!("The result cannot be sent: {error}."))
    }
}

fn not_got(error: ClientError) -> String {
    format!("The file of the library cannot be got: {error}.")
}

fn refused(error: &ClientError) -> Outcome {
    Outcome::Failed { error: FAILED, message: format!("The server does not take the result: {error}.") }
}
