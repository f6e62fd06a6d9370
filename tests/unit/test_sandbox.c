/* A process that confines itself with nobody beside it is refused what is not on its list, and does not wait for an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/sandbox.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_S 20

enum { REFUSED = 1, ALLOWED, NO_SANDBOX };

/* SIGALRM ends who waits. */
static int ask_alone(void)
{
	struct sandbox s = {.alone = true};
	struct sandbox_result reached;
	struct err e;

	alarm(WAIT_S);
	if (sandbox_enter(&s, &reached, &e) < 0 || !reached.seccomp)
		return NO_SANDBOX;
	return socket(AF_PACKET, SOCK_RAW, 0) < 0 && (errno == EPERM || errno == ENOSYS) && reached.listener < 0 ? REFUSED : ALLOWED;
}

static void who_is_alone_is_refused_and_waits_for_nobody(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(ask_alone());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_alone_is_refused_and_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
