/* The list of a bucket, as any store may send it. */
#include "offload/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct listing l;

	if (listing_parse((const char *)data, len, &l) == 0)
		listing_finish(&l);
	return 0;
}
