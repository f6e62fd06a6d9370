/* What an AudioSpecificConfig says (ISO/IEC 14496-3 §1.6.2.1), as far as it decides how AAC is stored.
 *
 * Threads: any. Memory: nothing is kept. Input is hostile. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define AAC_CONFIG_MAX_BYTES 64

struct aac_config {
	unsigned object_type;   /* of the core: 2 is AAC-LC */
	uint32_t core_rate;     /* samples per second; with SBR half of what is heard */
	unsigned channels;
	unsigned frame_samples; /* at core_rate: 1024 or 960 */
};
/* 0; -EBADMSG: none; -ENOTSUP: an object type or a channel layout that no camera's AAC has. */
int aac_config_parse(const uint8_t *data, size_t len, struct aac_config *out);
