/* What `holdfast discover` prints: a file that is ready to be put into the configuration, with what a person
 * should know of each camera as comments; or JSON.
 *
 * Threads: one. Passwords are never printed. */
#pragma once
#include "onvif/device.h"

#include <jansson.h>
#include <stdio.h>

/* What stands beside the cameras in each entry; all may be NULL. */
struct discover_entry { const char *area, *username, *password_file; };

/* Comments about one device. */
void discover_print(const struct onvif_device *d, FILE *to);
/* The `cameras:` of all of them. */
void discover_yaml(const struct onvif_device *all, unsigned count, const struct discover_entry *e, FILE *to);
json_t *discover_json(const struct onvif_device *all, unsigned count); /* new reference */
/* Whether there is anything about it that a person must see to. */
bool discover_is_fine(const struct onvif_device *d);
/* In lang(), with the remedy; NULL: nothing is wrong with it. */
const char *discover_profile_problem(const struct onvif_profile *p);
const char *discover_clock_problem(const struct onvif_device *d);
