//! The parts of a storm: who scribbles, who is honest, what is counted, and who directs them.

pub(crate) mod counts;
pub(crate) mod director;
pub(crate) mod endpoints;
pub(crate) mod honest;
pub(crate) mod hostile;
pub(crate) mod kinds;
