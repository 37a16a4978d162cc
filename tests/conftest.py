"""What holds for all tests."""

import signal

# Shells start background jobs with these ignored, and the programs that tests start would inherit
# that: a test that sends one would wait for ever.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, default)
