// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What Debian's static libraries refer to, but no static executable of ours calls.
 *
 * - libnl turns addresses and protocols into names and back, by getaddrinfo(3) and the like. For
 *   those glibc loads shared libraries of its own very version (nsswitch.conf), also into a static
 *   executable. Defined here, they don't get in: an executable is a fifth smaller, and cannot come
 *   to depend on the machine that it runs on.
 * - libmicrohttpd can do HTTPS, by GnuTLS, whose p11-kit has no static library. `netns-stats serve`
 *   doesn't.
 * - libnftnl reads messages, too, by functions of libmnl beyond those of mnl.c. netns-portmap only
 *   has it write some.
 *
 * The other design, to build libmicrohttpd without HTTPS and all of libmnl from their sources,
 * takes a network, a minute, and a mirror that has them (there are such without), and would leave
 * the name resolution in. What this one costs: a call of one of these, added to our code, is found
 * when it is first made, by the message below. A library that begins to call another function fails
 * to link.
 */
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static void absent(void)
{
	static const char message[] = "usernet-cni: this function is not in a static executable "
				      "(common/static/absent.c)\n";

	if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
		_exit(EXIT_FAILURE);
	abort();
}

/* No header that declares one of these is included: here none of them has parameters. */
#define ABSENT(name)      \
	void name(void);  \
	void name(void)   \
	{                 \
		absent(); \
	}

/* libnl */
ABSENT(getaddrinfo)
ABSENT(freeaddrinfo)
ABSENT(getnameinfo)
ABSENT(getprotobyname)
ABSENT(getprotobynumber)

/* libnftnl */
ABSENT(mnl_attr_get_str)
ABSENT(mnl_attr_get_u64)
ABSENT(mnl_attr_get_u8)
ABSENT(mnl_attr_parse)
ABSENT(mnl_attr_parse_nested)
ABSENT(mnl_attr_type_valid)
ABSENT(mnl_attr_validate)
ABSENT(mnl_cb_run)
ABSENT(mnl_nlmsg_batch_current)
ABSENT(mnl_nlmsg_batch_head)
ABSENT(mnl_nlmsg_batch_is_empty)
ABSENT(mnl_nlmsg_batch_next)
ABSENT(mnl_nlmsg_batch_size)
ABSENT(mnl_nlmsg_batch_start)
ABSENT(mnl_nlmsg_batch_stop)
ABSENT(mnl_socket_bind)
ABSENT(mnl_socket_close)
ABSENT(mnl_socket_get_portid)
ABSENT(mnl_socket_open)
ABSENT(mnl_socket_recvfrom)
ABSENT(mnl_socket_sendto)

/* libmicrohttpd */
ABSENT(gnutls_alpn_set_protocols)
ABSENT(gnutls_bye)
ABSENT(gnutls_certificate_allocate_credentials)
ABSENT(gnutls_certificate_free_credentials)
ABSENT(gnutls_certificate_server_set_request)
ABSENT(gnutls_certificate_set_dh_params)
ABSENT(gnutls_certificate_set_retrieve_function2)
ABSENT(gnutls_certificate_set_retrieve_function3)
ABSENT(gnutls_certificate_set_x509_key_mem)
ABSENT(gnutls_certificate_set_x509_key_mem2)
ABSENT(gnutls_certificate_set_x509_trust_mem)
ABSENT(gnutls_cipher_get)
ABSENT(gnutls_credentials_set)
ABSENT(gnutls_deinit)
ABSENT(gnutls_dh_params_deinit)
ABSENT(gnutls_dh_params_import_pkcs3)
ABSENT(gnutls_dh_params_init)
ABSENT(gnutls_handshake)
ABSENT(gnutls_init)
ABSENT(gnutls_priority_deinit)
ABSENT(gnutls_priority_init)
ABSENT(gnutls_priority_set)
ABSENT(gnutls_protocol_get_version)
ABSENT(gnutls_psk_allocate_server_credentials)
ABSENT(gnutls_psk_free_server_credentials)
ABSENT(gnutls_psk_set_server_credentials_function)
ABSENT(gnutls_record_check_pending)
ABSENT(gnutls_record_get_direction)
ABSENT(gnutls_record_recv)
ABSENT(gnutls_record_send)
ABSENT(gnutls_session_get_ptr)
ABSENT(gnutls_session_set_ptr)
ABSENT(gnutls_strerror)
ABSENT(gnutls_transport_set_int2)

/*
 * Called when libmicrohttpd starts and ends.
 */
int gnutls_global_init(void);
void gnutls_global_deinit(void);

int gnutls_global_init(void)
{
	return 0;
}

void gnutls_global_deinit(void)
{
}

/* A variable of GnuTLS. */
extern void (*gnutls_malloc)(void);
void (*gnutls_malloc)(void) = absent;
