/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin.h"

int main(int argc, char **argv)
{
	static const struct cni_plugin plugin = {
		.name = PLUGIN_NAME,
		.about = "user-mode network for a network namespace, without privileges",
		.oldest = CNI_0_1_0,
		.add = plugin_add,
		.del = plugin_del,
		.check = plugin_check,
		.gc = plugin_gc,
		.status = plugin_status,
	};

	return cni_main(&plugin, argc, argv);
}
