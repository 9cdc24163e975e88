// The parts of a Kubernetes cluster that remora talks to, in one program: etcd, the API server, the controller manager and kubectl.
// The first argument says which one runs; all that follows is that part's own.
// SPDX-License-Identifier: Apache-2.0
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: box etcd|apiserver|controllers|kubectl ARGUMENT...")
		os.Exit(2)
	}
	part := os.Args[1]
	os.Args = os.Args[1:]
	var command *cobra.Command
	switch part {
	case "etcd":
		etcdmain.Main(os.Args)
		return
	case "apiserver":
		command = apiserver.NewAPIServerCommand()
	case "controllers":
		command = controllers.NewControllerManagerCommand()
	case "kubectl":
		command = kubectl.NewDefaultKubectlCommand()
	default:
		fmt.Fprintf(os.Stderr, "box: no part %q\n", part)
		os.Exit(2)
	}
	os.Exit(cli.Run(command))
}
