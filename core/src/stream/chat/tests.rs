//! Two chats, on connections that lose nothing. (A placeholder module is not left behind: see below.)
