/* aac_pack.h - AAC access units as RTP payloads (RFC 3640, AAC-hbr), and the ADTS frames they come
 * in. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/text.h"
#include "media/media.h"

#define AAC_SAMPLES 1024u  /* an access unit of AAC-LC */
#define AAC_UNIT_MAX 8191u /* bytes: sizelength is 13 bits */

/* What an ADTS header tells (ISO/IEC 13818-7, 6.2). */
struct adts {
    uint8_t object_type; /* 2: AAC-LC */
    uint8_t rate_index;  /* 3: 48,000 Hz */
    uint8_t channels;
    struct slice unit; /* the access unit, without the header */
};

/* Takes the next frame; false at the end, or at what is none. */
bool adts_next(struct slice *stream, struct adts *out);

/* Samples a second of a rate index; 0 for those reserved. */
uint32_t adts_rate(uint8_t rate_index);

/* The two bytes of its AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). */
void adts_config(const struct adts *adts, uint8_t config[2]);

/* Fills in a track for units with that AudioSpecificConfig. */
void aac_describe(struct media_track *track, struct slice config, uint32_t rate, unsigned channels);

/* Appends one access unit as one packet, or as fragments where the media's MTU is smaller (RFC
   3640, 3.2.3.1); unit stays borrowed. at gives track, due time and timestamp. False when out of
   memory or the unit is too long. */
bool aac_pack(struct media *media, struct slice unit, const struct media_packet *at);
