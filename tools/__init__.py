"""The program that generates documents: `make docs`."""
