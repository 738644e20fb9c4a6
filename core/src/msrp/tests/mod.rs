mod assembly;
mod endpoint;
mod frames;
mod harness;
mod hostile;
mod log;
mod relay;
mod selector;
