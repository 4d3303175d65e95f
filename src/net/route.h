/* route.h - asks the kernel's routing tables whose an address is. */
#pragma once

#include <stdbool.h>

#include "net/address.h"

/* Are packets to it delivered on this machine: an address of an interface, or of a local route such
   as "ip route add local 192.0.2.0/24 dev lo" makes? True as well where the kernel can't be asked.
 */
bool route_is_local(const struct address *address);

/* Is there a way to it from here, and an address of ours to come from? Says so without a source
   port: connect's EADDRNOTAVAIL means either that there is none, or that all ports are taken. */
bool route_exists(const struct address *address);
