/* publish.h - answers ANNOUNCE and RECORD (RFC 2326, 10.3 and 10.11). */
#pragma once

#include "server/exchange.h"

void publish_announce(struct exchange *exchange);
void publish_record(struct exchange *exchange);
