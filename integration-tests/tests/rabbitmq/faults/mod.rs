//! What happens to messages and their spans when something breaks: every span that starts ends
//! once, and says what the publisher was told.

mod cancelled;
mod closed;
mod killed;
mod outcome;
mod proxy;
mod recovered;
