/* CRC-32C: the known value, and any cut of any bytes gives what they give one by one. */
#include "base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES 60000

static void the_value_of_the_standard(void **state)
{
	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), UINT32_C(0xe3069283));
	assert_int_equal(crc32c(0, "", 0), 0);
}

static void pieces_of_any_length_give_the_same(void **state)
{
	static uint8_t bytes[BYTES];
	static uint32_t after[BYTES + 1]; /* byte by byte */

	(void)state;
	for (unsigned i = 0; i < BYTES; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	for (unsigned i = 0; i < BYTES; i++)
		after[i + 1] = crc32c(after[i], &bytes[i], 1);
	srand(1);
	for (int i = 0; i < 2000; i++) {
		unsigned from = (unsigned)rand() % BYTES, len = (unsigned)rand() % (BYTES - from + 1);
		assert_int_equal(crc32c(after[from], bytes + from, len), after[from + len]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_value_of_the_standard),
		cmocka_unit_test(pieces_of_any_length_give_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
