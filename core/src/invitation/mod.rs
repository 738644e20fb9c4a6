//! The INVITE usage of a dialog (RFC 3261 sections 13 to 15).
