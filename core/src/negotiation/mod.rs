//! Offer and answer (RFC 3264, RFC 6337).
