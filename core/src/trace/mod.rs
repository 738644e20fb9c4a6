//! Traces: every input and intent of an agent, with what followed.
