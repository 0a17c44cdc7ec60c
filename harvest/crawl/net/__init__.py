"""What stands between a request and the network: pace, robots.txt, safe addresses, secrets, the browser, evidence."""
