//! The scenarios, one file for each part of the protocol.
//!
//! Each function is one execution; its [`Model`] says how far loom explores it.

pub mod abort;
pub mod batch;
pub mod gate;
pub mod identity;
pub mod leaving;
pub mod mpsc_deaths;
pub mod mpsc_leaving;
pub mod mpsc_recover;
pub mod mpsc_room;
pub mod mpsc_transfer;
pub mod successor;
pub mod transfer;
pub mod wrap;

use crate::Model;

/// Every model.
pub const ALL: &[&[Model]] = &[
    gate::ALL,
    identity::ALL,
    leaving::ALL,
    transfer::ALL,
    wrap::ALL,
    abort::ALL,
    batch::ALL,
    successor::ALL,
    mpsc_transfer::ALL,
    mpsc_room::ALL,
    mpsc_leaving::ALL,
    mpsc_recover::ALL,
    mpsc_deaths::ALL,
];
