//! `bartizan`: the server and the command line in one program.

mod commands;
mod logging;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::lake::LakeCommand;
use crate::commands::{QuickstartArgs, ServeArgs};
use crate::logging::LogArgs;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Deep queries are planned by recursion.
const STACK_BYTES: usize = 8 << 20;

/// An open, self-hosted security-operations API.
#[derive(Debug, Parser)]
#[command(name = "bartizan", version, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a working tenant with simulated devices: nothing to set up
    Quickstart(QuickstartArgs),
    /// Serve as a configuration file says
    Serve(ServeArgs),
    /// Send files, folders and archives of events to a server
    Ingest(cli::IngestArgs),
    /// Ask a server a KQL question
    Hunt(cli::HuntArgs),
    /// Act on machines: isolate, scan, collect, and follow what becomes of it
    #[command(subcommand)]
    Action(cli::ActionCommand),
    /// Try files of KQL queries without a server
    #[command(subcommand)]
    Kql(cli::KqlCommand),
    /// Look after events: on a server, or in a data folder that no server uses
    #[command(subcommand)]
    Lake(LakeCommand),
    /// Administer users
    #[command(subcommand)]
    User(cli::UserCommand),
    /// Administer groups of users
    #[command(subcommand)]
    Group(cli::GroupCommand),
    /// Administer roles, which say what users may do
    #[command(subcommand)]
    Role(cli::RoleCommand),
    /// Administer groups of devices
    #[command(subcommand)]
    DeviceGroup(cli::DeviceGroupCommand),
    /// Administer app registrations
    #[command(subcommand)]
    App(cli::AppCommand),
    /// Administer the apps of other tenants that were let in
    #[command(subcommand)]
    PartnerApp(cli::PartnerAppCommand),
    /// Consent to what apps ask for, take it back, bound it
    #[command(subcommand)]
    Grant(cli::GrantCommand),
    /// Administer the keys that tokens, and commands for devices, are signed with
    #[command(subcommand)]
    Key(cli::KeyCommand),
    /// Export the audit log, and verify what was exported
    #[command(subcommand)]
    Audit(cli::AuditCommand),
    /// Print the version
    Version,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(cli::Outcome::Done) => ExitCode::SUCCESS,
        Ok(cli::Outcome::Failed) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", on_one_line(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<cli::Outcome> {
    // Fails only when there is one already, which does as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .thread_name("bartizan")
        .build()?;
    let log = arguments.log;
    let command = async move {
        match arguments.command {
            Command::Quickstart(args) => commands::quickstart(args, log).await,
            Command::Serve(args) => commands::serve(args, log).await,
            Command::Ingest(args) => {
                log.start_for_clients()?;
                cli::ingest(args).await
            }
            Command::Hunt(args) => {
                log.start_for_clients()?;
                cli::hunt(args).await
            }
            Command::Action(command) => {
                log.start_for_clients()?;
                cli::action(command).await
            }
            Command::Kql(command) => {
                log.start_for_clients()?;
                cli::kql(command).await
            }
            Command::Lake(command) => commands::lake::run(command, log).await,
            Command::User(command) => {
                log.start_for_clients()?;
                cli::user(command).await
            }
            Command::Group(command) => {
                log.start_for_clients()?;
                cli::group(command).await
            }
            Command::Role(command) => {
                log.start_for_clients()?;
                cli::role(command).await
            }
            Command::DeviceGroup(command) => {
                log.start_for_clients()?;
                cli::device_group(command).await
            }
            Command::App(command) => {
                log.start_for_clients()?;
                cli::app(command).await
            }
            Command::PartnerApp(command) => {
                log.start_for_clients()?;
                cli::partner_app(command).await
            }
            Command::Grant(command) => {
                log.start_for_clients()?;
                cli::grant(command).await
            }
            Command::Key(command) => {
                log.start_for_clients()?;
                cli::key(command).await
            }
            Command::Audit(command) => {
                log.start_for_clients()?;
                cli::audit(command).await
            }
            Command::Version => {
                println!("bartizan {}", env!("CARGO_PKG_VERSION"));
                Ok(cli::Outcome::Done)
            }
        }
    };
    // On a thread of the runtime, which has the stack that was asked for.
    runtime.block_on(async { tokio::spawn(command).await? })
}

/// An error with its causes.
fn on_one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").replace('\n', " ").trim_end().to_owned()
}
