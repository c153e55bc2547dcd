// SPDX-License-Identifier: GPL-2.0-or-later

// A container runtime's part, done by the library that runtimes do it with: libcni.
//
//	client add|check|del|validate|version|cached NETWORK [NETNS]
//	client convert <RESULT
//
// One operation per process, as cnitool has it; so are NETWORK (a name in NETCONFPATH, or, with a '/', a
// file), CNI_PATH, CNI_IFNAME, CNI_ARGS, CAP_ARGS and the container id that is made from NETNS. What it does
// of its own accord is what libcni leaves to its caller: the cache is in CNI_CACHE_DIR if that is set, and del
// with RECALL=1 takes list, arguments and capabilities from the cache, as CRI-O does.
//
// add, check and del say what cnitool says: the result, or nothing. The rest answers in JSON:
//
//	validate  the capabilities that the plugins of the list declare
//	version   what each plugin speaks
//	cached    what the result cache has of the attachment
//	convert   one result, read and printed by the types of each version that the library has
//
// A failure is {"text": what libcni says, "error": what libcni made of the plugin's answer, or null}, on
// standard output, with exit status 1.
package main

import (
	"context"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
	types020 "github.com/containernetworking/cni/pkg/types/020"
	types040 "github.com/containernetworking/cni/pkg/types/040"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/types/create"
	"github.com/containernetworking/cni/pkg/version"
)

const limit = 60 * time.Second

// What an operation is about.
type job struct {
	cni  *libcni.CNIConfig
	list *libcni.NetworkConfigList
	conf *libcni.RuntimeConf
}

var operations = map[string]func(context.Context, *job) error{
	"add":      add,
	"check":    check,
	"del":      del,
	"validate": validate,
	"version":  versions,
	"cached":   cached,
}

func add(ctx context.Context, j *job) error {
	result, err := j.cni.AddNetworkList(ctx, j.list, j.conf)
	if err != nil {
		return err
	}
	return result.Print()
}

func check(ctx context.Context, j *job) error {
	return j.cni.CheckNetworkList(ctx, j.list, j.conf)
}

func del(ctx context.Context, j *job) error {
	if os.Getenv("RECALL") == "1" {
		if err := j.recall(); err != nil {
			return err
		}
	}
	return j.cni.DelNetworkList(ctx, j.list, j.conf)
}

// The list and the arguments of ADD.
func (j *job) recall() error {
	config, conf, err := j.cni.GetNetworkListCachedConfig(j.list, j.conf)
	if err != nil {
		return err
	}
	if config == nil {
		return errors.New("the cache knows no such attachment")
	}
	j.conf = conf
	j.list, err = libcni.ConfListFromBytes(config)
	return err
}

func validate(ctx context.Context, j *job) error {
	capabilities, err := j.cni.ValidateNetworkList(ctx, j.list)
	if err != nil {
		return err
	}
	sort.Strings(capabilities)
	return answer(capabilities)
}

func versions(ctx context.Context, j *job) error {
	spoken := map[string][]string{}
	for _, plugin := range j.list.Plugins {
		info, err := j.cni.GetVersionInfo(ctx, plugin.Network.Type)
		if err != nil {
			return err
		}
		spoken[plugin.Network.Type] = info.SupportedVersions()
	}
	return answer(spoken)
}

func cached(_ context.Context, j *job) error {
	result, err := j.cni.GetNetworkListCachedResult(j.list, j.conf)
	if err != nil {
		return err
	}
	config, conf, err := j.cni.GetNetworkListCachedConfig(j.list, j.conf)
	if err != nil {
		return err
	}
	if config == nil {
		return errors.New("the cache knows no such attachment")
	}
	return answer(map[string]interface{}{
		"result":       result,
		"config":       json.RawMessage(config),
		"args":         conf.Args,
		"capabilities": conf.CapabilityArgs,
	})
}

// What a result says, whatever its version.
type content struct {
	Version    string   `json:"version"`
	Type       string   `json:"type"`
	Interfaces []string `json:"interfaces"`
	Addresses  []string `json:"addresses"`
	Gateways   []string `json:"gateways"`
	Routes     []string `json:"routes"`
	DNS        []string `json:"dns"`
}

func (c *content) address(address net.IPNet, gateway net.IP) {
	c.Addresses = append(c.Addresses, address.String())
	if gateway != nil {
		c.Gateways = append(c.Gateways, gateway.String())
	}
}

func (c *content) route(route *types.Route) {
	c.Routes = append(c.Routes, fmt.Sprintf("%s via %s", route.Dst.String(), route.GW))
}

// Each version's own type; a result of another one is an error.
func describe(result types.Result) (*content, error) {
	c := &content{
		Version: result.Version(), Type: fmt.Sprintf("%T", result),
		Interfaces: []string{}, Addresses: []string{}, Gateways: []string{}, Routes: []string{},
	}
	switch r := result.(type) {
	case *types020.Result:
		for _, ip := range []*types020.IPConfig{r.IP4, r.IP6} {
			if ip == nil {
				continue
			}
			c.address(ip.IP, ip.Gateway)
			for i := range ip.Routes {
				c.route(&ip.Routes[i])
			}
		}
		c.DNS = r.DNS.Nameservers
	case *types040.Result:
		for _, i := range r.Interfaces {
			c.Interfaces = append(c.Interfaces, strings.Join([]string{i.Name, i.Mac, i.Sandbox}, " "))
		}
		for _, ip := range r.IPs {
			if (ip.Version == "4") != (ip.Address.IP.To4() != nil) {
				return nil, fmt.Errorf("%s is of version %q", ip.Address.String(), ip.Version)
			}
			c.address(ip.Address, ip.Gateway)
		}
		for _, route := range r.Routes {
			c.route(route)
		}
		c.DNS = r.DNS.Nameservers
	case *types100.Result:
		for _, i := range r.Interfaces {
			c.Interfaces = append(c.Interfaces, strings.Join([]string{i.Name, i.Mac, i.Sandbox}, " "))
		}
		for _, ip := range r.IPs {
			c.address(ip.Address, ip.Gateway)
		}
		for _, route := range r.Routes {
			c.route(route)
		}
		c.DNS = r.DNS.Nameservers
	default:
		return nil, fmt.Errorf("a result of type %T", result)
	}
	return c, nil
}

// To a version, to text, and read again by that version's type.
func convertTo(to string, result types.Result) (*content, error) {
	converted, err := result.GetAsVersion(to)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(converted)
	if err != nil {
		return nil, err
	}
	again, err := create.Create(to, text)
	if err != nil {
		return nil, err
	}
	return describe(again)
}

func convert() error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	result, err := create.CreateFromBytes(text)
	if err != nil {
		return err
	}
	contents := []*content{}
	for _, to := range version.All.SupportedVersions() {
		c, err := convertTo(to, result)
		if err != nil {
			return fmt.Errorf("as %s: %w", to, err)
		}
		contents = append(contents, c)
	}
	return answer(contents)
}

func answer(value interface{}) error {
	return json.NewEncoder(os.Stdout).Encode(value)
}

func load(network string) (*libcni.NetworkConfigList, error) {
	switch {
	case !strings.Contains(network, "/"):
		return libcni.LoadConfList(os.Getenv("NETCONFPATH"), network)
	case strings.HasSuffix(network, ".conflist"):
		return libcni.ConfListFromFile(network)
	}
	conf, err := libcni.ConfFromFile(network)
	if err != nil {
		return nil, err
	}
	return libcni.ConfListFromConf(conf)
}

// "K=V;K2=V2"
func parseArgs(text string) ([][2]string, error) {
	var args [][2]string
	for _, pair := range strings.Split(text, ";") {
		if pair == "" {
			continue
		}
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return nil, fmt.Errorf("CNI_ARGS: %q is no pair", pair)
		}
		args = append(args, [2]string{key, value})
	}
	return args, nil
}

func newJob(network, netns string) (*job, error) {
	list, err := load(network)
	if err != nil {
		return nil, err
	}
	args, err := parseArgs(os.Getenv("CNI_ARGS"))
	if err != nil {
		return nil, err
	}
	var capabilities map[string]interface{}
	if text := os.Getenv("CAP_ARGS"); text != "" {
		if err := json.Unmarshal([]byte(text), &capabilities); err != nil {
			return nil, fmt.Errorf("CAP_ARGS: %w", err)
		}
	}
	ifname := os.Getenv("CNI_IFNAME")
	if ifname == "" {
		ifname = "eth0"
	}
	digest := sha512.Sum512([]byte(netns))
	return &job{
		cni: libcni.NewCNIConfigWithCacheDir(filepath.SplitList(os.Getenv("CNI_PATH")),
			os.Getenv("CNI_CACHE_DIR"), nil),
		list: list,
		conf: &libcni.RuntimeConf{
			ContainerID:    fmt.Sprintf("cnitool-%x", digest[:10]),
			NetNS:          netns,
			IfName:         ifname,
			Args:           args,
			CapabilityArgs: capabilities,
		},
	}, nil
}

func run(arguments []string) error {
	if len(arguments) == 1 && arguments[0] == "convert" {
		return convert()
	}
	if len(arguments) < 2 || len(arguments) > 3 || operations[arguments[0]] == nil {
		return errors.New("usage: client OPERATION NETWORK [NETNS]")
	}
	netns := ""
	if len(arguments) == 3 {
		netns = arguments[2]
	}
	j, err := newJob(arguments[1], netns)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return operations[arguments[0]](ctx, j)
}

func main() {
	err := run(os.Args[1:])
	if err == nil {
		return
	}
	var plugin *types.Error
	errors.As(err, &plugin)
	if err := answer(map[string]interface{}{"text": err.Error(), "error": plugin}); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
	}
	os.Exit(1)
}
