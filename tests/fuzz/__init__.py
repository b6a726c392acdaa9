"""Every parser under a fuzzer that is guided by coverage: `make fuzz`. Not part of `make test`."""
