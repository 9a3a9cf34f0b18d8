"""Network devices that live inside the process."""
