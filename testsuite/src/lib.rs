//! Simulator, properties and conformance of the SIP SIMPLE client.
