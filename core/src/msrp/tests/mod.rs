mod assembly;
mod endpoint;
mod frames;
mod harness;
mod hostile;
mod relay;
mod selector;
mod sharing;
