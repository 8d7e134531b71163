"""Every kernel alone, on this computer and on emulated boards, against its specification."""
