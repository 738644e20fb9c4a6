//! RTP (RFC 3550), its control protocol, reordering and DTMF (RFC 4733).
