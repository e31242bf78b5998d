//! The models of `src/models/identity.rs`, as they are.

use mapring_loom_tests::models::identity;

#[test]
fn no_half_identity() {
    identity::NO_HALF_IDENTITY.check();
}
