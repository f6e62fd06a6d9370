/* The command line of holdfast-camera, checked whole.
 *
 * Memory: strings point into argv or are the struct's own; options_finish() frees those. */
#pragma once
#include "camera.h"
#include "rtsp_server.h"

#define OPTIONS_CAMERAS_MAX 64
#define OPTIONS_COMMANDS_MAX 32

struct options {
	struct rtsp_server_config server;
	char *names; /* cut up into the cameras' names */
	char *password; /* read from a file */
	struct camera_config cameras[OPTIONS_CAMERAS_MAX];
	unsigned camera_count;
	const char *log_path, *control_path;
	const char *silence_camera;
	unsigned silence_every_s, silence_for_s;
	const char *commands[OPTIONS_COMMANDS_MAX]; /* executed before the first connection */
	unsigned command_count;
	bool help;
};

/* Returns 0 or a negative code with the sentence. */
int options_parse(struct options *o, int argc, char **argv, struct err *e);
void options_finish(struct options *o);
extern const char options_usage[];
