/* The two halves of sandbox.c that speak to the kernel. */
#pragma once
#include "sandbox.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_TEST_BUILD 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_TEST_BUILD 1
#endif
#endif
#ifndef SANDBOX_TEST_BUILD
#define SANDBOX_TEST_BUILD 0
#endif

int sandbox_restrict_files(const struct sandbox *s, struct sandbox_result *out, struct err *e);
int sandbox_restrict_calls(const struct sandbox *s, struct sandbox_result *out, struct err *e);
