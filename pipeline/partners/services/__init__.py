"""HTTP services of two partners: car rental and microloans."""
