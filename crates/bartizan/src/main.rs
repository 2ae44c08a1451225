//! `bartizan`: the server and the command line in one program.

mod commands;
mod logging;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::lake::LakeCommand;
use crate::commands::{QuickstartArgs, ServeArgs};
use crate::logging::LogArgs;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Try files of KQL queries without a server
    #[command(subcommand)]
    Kql(cli::KqlCommand),
    /// Look after events: on a server, or in a data folder that no server uses
    #[command(subcommand)]
    Lake(LakeCommand),
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
            Command::Kql(command) => {
                log.start_for_clients()?;
                cli::kql(command).await
            }
            Command::Lake(command) => commands::lake::run(command, log).await,
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
