"""Stock levels, holds and flash sales: what can still be sold, and to whom."""
