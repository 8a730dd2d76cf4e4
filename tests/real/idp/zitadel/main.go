// OpenID Provider of the tests that is built with the Go library zitadel/oidc: its example server with other clients,
// users and lifetimes, on loopback only
//
//	zitadel-op PORT ORIGIN LIFETIME
//
// PORT is on 127.0.0.1, and the issuer is http://127.0.0.1:PORT/ with its slash. ORIGIN is the address of the
// application behind the gateway. LIFETIME is the lifetime of the tokens in seconds.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"
)

// users has the one account. Its password is its name.
type users struct{ user storage.User }

func (u users) GetUserByID(id string) *storage.User {
	if id != u.user.ID {
		return nil
	}
	return &u.user
}

func (u users) GetUserByUsername(name string) *storage.User {
	if name != u.user.Username {
		return nil
	}
	return &u.user
}

func (u users) ExampleClientID() string { return "unused" }

// client registers the address after a sign-out, which the example has for no client.
type client struct {
	op.Client
	origin   string
	lifetime time.Duration
}

func (c client) PostLogoutRedirectURIs() []string { return []string{c.origin + "/oauth2/signed_out"} }

func (c client) IDTokenLifetime() time.Duration { return c.lifetime }

// store is the storage of the example with short lifetimes and roles.
type store struct {
	*storage.Storage
	origin   string
	lifetime time.Duration
}

func (s store) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	found, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return client{found, s.origin, s.lifetime}, nil
}

func (s store) CreateAccessToken(ctx context.Context, request op.TokenRequest) (string, time.Time, error) {
	id, _, err := s.Storage.CreateAccessToken(ctx, request)
	return id, time.Now().Add(s.lifetime), err
}

func (s store) CreateAccessAndRefreshTokens(
	ctx context.Context, request op.TokenRequest, current string,
) (string, string, time.Time, error) {
	id, refresh, _, err := s.Storage.CreateAccessAndRefreshTokens(ctx, request, current)
	switch {
	case err != nil:
		fmt.Println("refused", err)
	case current != "":
		fmt.Println("granted refresh_token")
	default:
		fmt.Println("granted authorization_code")
	}
	return id, refresh, time.Now().Add(s.lifetime), err
}

func (s store) SetUserinfoFromToken(
	ctx context.Context, userinfo *oidc.UserInfo, token, subject, origin string,
) error {
	// ZITADEL sends roles as a map: each role has the organizations in which the user has it.
	organization := map[string]string{"333333333333333333": "example.test"}
	roles := map[string]any{"dev": organization, "ops": organization}
	userinfo.AppendClaims("urn:zitadel:iam:org:project:roles", roles)
	return s.Storage.SetUserinfoFromToken(ctx, userinfo, token, subject, origin)
}

func run(port, origin, lifetime string) error {
	seconds, err := strconv.Atoi(lifetime)
	if err != nil {
		return err
	}
	storage.RegisterClients(storage.WebClient("foregate", "foregate-secret", origin+"/oauth2/callback"))
	accounts := users{storage.User{
		ID: "id-1", Username: "testuser", Password: "testuser", FirstName: "Test", LastName: "User",
		Email: "testuser@example.test", EmailVerified: true, PreferredLanguage: language.English,
	}}
	address := "127.0.0.1:" + port
	backend := store{storage.NewStorage(accounts), origin, time.Duration(seconds) * time.Second}
	logger := slog.New(slog.NewTextHandler(os.Stdout, nil))
	return http.ListenAndServe(address, exampleop.SetupServer("http://"+address+"/", backend, logger, false))
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: zitadel-op PORT ORIGIN LIFETIME")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
