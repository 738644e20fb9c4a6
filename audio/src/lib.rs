//! Mixer, bridges, codecs, playout and recording for the SIP SIMPLE client.
