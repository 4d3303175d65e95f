/* setup.h - answers SETUP (RFC 2326, 10.4). */
#pragma once

#include "server/exchange.h"

/* Makes the session at the connection's first. */
void setup_handle(struct exchange *exchange);
