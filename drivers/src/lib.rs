//! Thin drivers that give the pure core of sipsimple its sockets, timers, files and sound.
