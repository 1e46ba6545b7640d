"""A live-stream commerce server: chat, products, flash sales and gifts in one room."""

__version__ = "0.1.0"
